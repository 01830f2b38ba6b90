"""The CSV files of VinDr-PCXR: their names for diseases and findings, and how to read them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrlib.data.issues import Finding

NO_FINDING = "No finding"
FOLDERS = ("train", "test")
BOX_COLUMNS = ["x_min", "y_min", "x_max", "y_max"]
NEEDED = {"image_labels": ["image_id", NO_FINDING], "annotations": ["image_id", "class_name", *BOX_COLUMNS]}
TABLES = {f"{name}_{folder}.csv": columns for name, columns in NEEDED.items() for folder in FOLDERS}
"""The four files, and the columns without which they are of no use."""

# Two of the names are misspelled in the data set itself.
LABELS = (
    *(NO_FINDING, "Bronchitis", "Brocho-pneumonia", "Other disease", "Bronchiolitis", "Situs inversus", "Pneumonia"),
    *("Pleuro-pneumonia", "Diagphramatic hernia", "Tuberculosis", "Congenital emphysema", "CPAM"),
    *("Hyaline membrane disease", "Mediastinal tumor", "Lung tumor"),
)
"""The 15 label columns of an image."""

CLASS_NAMES = (
    *("Boot-shaped heart", "Peribronchovascular interstitial opacity", "Reticulonodular opacity"),
    *("Bronchial thickening", "Enlarged PA", "Cardiomegaly", "Diffuse aveolar opacity", "Other opacity"),
    *("Other lesion", "Consolidation", "Mediastinal shift", "Anterior mediastinal mass", "Dextro cardia"),
    *("Pleural effusion", "Stomach on the right side", "Atelectasis", "Lung hyperinflation", "Egg on string sign"),
    *("Interstitial lung disease - ILD", "Infiltration", "Lung cavity", "Pneumothorax", "Edema"),
    *("Pleural thickening", "Other nodule/mass", "Clavicle fracture", "Chest wall mass", "Lung cyst", "Emphysema"),
    *("Bronchectasis", "Expanded edges of the anterior ribs", "Pulmonary fibrosis", "Paraveterbral mass"),
    *("Aortic enlargement", "Calcification", "Intrathoracic digestive structure", NO_FINDING),
)
"""The 36 findings of a box, and `No finding`."""


def read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """Read one CSV as text, without the byte order mark and the spaces that spreadsheet programs leave.

    Args:
        path: File to read.
        needed: Columns without which it is of no use.

    Returns:
        All columns as text, empty where there is no value.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is empty, not a table, or lacks a column or has one twice.
    """
    if not path.is_file():
        raise FileNotFoundError(
            Finding(str(path), "error", "not there", "VinDr-PCXR keeps its four CSV files in the root folder")
        )
    try:
        # As text, since ids may be all digits; a trailing comma must not make the ids an index.
        table = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False, index_col=False)
    except pd.errors.EmptyDataError:
        raise ValueError(Finding(str(path), "error", "empty", "fetch it again")) from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(Finding(str(path), "error", f"not a CSV in UTF-8 ({error})", "fetch it again")) from error
    table.columns = table.columns.str.strip()
    twice = list(table.columns[table.columns.duplicated()])
    missing = [name for name in needed if name not in table]
    if missing or twice:
        fault = f"columns {missing} are missing" if missing else f"columns {twice} occur twice"
        raise ValueError(Finding(str(path), "error", fault, "fetch the file again"))
    return table.fillna("").apply(lambda column: column.str.strip())


def read_ids(source: str | Path | Sequence[str]) -> list[str]:
    """Give the ids of images from a list, or from a file with one id a line or a column `image_id`.

    Args:
        source: The ids themselves, or a text or CSV file.

    Returns:
        The ids.

    Raises:
        FileNotFoundError: If the file is not there.
    """
    if not isinstance(source, str | Path):
        return [str(image) for image in source]
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(Finding(str(path), "error", "not there", "give a file with one image id a line"))
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    if lines and "image_id" in (name.strip() for name in lines[0].split(",")):
        return read_table(path, ["image_id"]).image_id.tolist()
    return [line for line in lines if line]
