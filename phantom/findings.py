"""The findings of a sick child: random combinations, with the names of VinDr-PCXR."""

import numpy as np

PERIBRONCHOVASCULAR = "Peribronchovascular interstitial opacity"

PATTERNS = {
    "any": {
        PERIBRONCHOVASCULAR: 0.30,
        "Consolidation": 0.22,
        "Bronchial thickening": 0.12,
        "Reticulonodular opacity": 0.10,
        "Infiltration": 0.08,
        "Other opacity": 0.06,
        "Atelectasis": 0.04,
        "Pleural effusion": 0.04,
        "Cardiomegaly": 0.04,
    },
    "bacterial": {"Consolidation": 0.75, "Infiltration": 0.15, "Other opacity": 0.10},
    "viral": {PERIBRONCHOVASCULAR: 0.60, "Reticulonodular opacity": 0.20, "Bronchial thickening": 0.20},
}
"""Share of each main finding. "any" follows the order of frequency in VinDr-PCXR roughly, "bacterial" and "viral" the
textbook picture of the two pneumonias: focal alveolar filling against diffuse airway and interstitial disease."""

COMPANIONS = {
    "Consolidation": ("Pleural effusion", PERIBRONCHOVASCULAR, "Atelectasis"),
    "Infiltration": ("Bronchial thickening", PERIBRONCHOVASCULAR),
    PERIBRONCHOVASCULAR: ("Bronchial thickening", "Consolidation", "Reticulonodular opacity", "Atelectasis"),
    "Bronchial thickening": (PERIBRONCHOVASCULAR, "Atelectasis"),
    "Reticulonodular opacity": (PERIBRONCHOVASCULAR,),
    "Cardiomegaly": (PERIBRONCHOVASCULAR, "Pleural effusion"),
}


def draw_findings(rng: np.random.Generator, pattern: str = "any") -> tuple[str, ...]:
    """Return a random plausible combination of one or two findings of a sick child.

    Args:
        rng: Generator of the combination.
        pattern: "any", "bacterial" (focal) or "viral" (diffuse).

    Raises:
        ValueError: The pattern is unknown.
    """
    if pattern not in PATTERNS:
        raise ValueError(f"unknown pattern {pattern!r}; use one of {sorted(PATTERNS)}")
    shares = PATTERNS[pattern]
    findings = [str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))]
    if rng.random() < 0.35 and findings[0] in COMPANIONS:
        findings.append(str(rng.choice(COMPANIONS[findings[0]])))
    return tuple(findings)
