"""The paper's Table 3 as the audit decodes it: what several tests take for granted, and test_published.py shows."""

# The paper's Table 3 as confusion matrices (tp, fn, fp, tn).
TABLE_3 = {
    "Baseline": (114, 461, 77, 1097),
    "Den-P": (180, 395, 145, 1029),
    "Deb-P": (195, 380, 178, 996),
    "SA": (152, 423, 101, 1073),
    "SLSQP-WA": (215, 360, 185, 989),
    "A-F": (287, 288, 263, 911),
}
SENSITIVITY = {model: counts[:2] for model, counts in TABLE_3.items()}
