"""Synthetic chest radiographs of small children, drawn from a physical model, and written as the real data sets come.

`draw_radiograph` draws one image with its lung mask and lesion boxes; `write_kermany` and `write_vindr_pcxr` write
whole cohorts in the layouts of the two public data sets, so that their readers read them. The images stand in for data
where none is at hand; they are no substitute for it in any claim about patients.
"""

from cxrlib.phantom.anatomy import Anatomy, View, draw_anatomy, draw_view
from cxrlib.phantom.findings import draw_findings
from cxrlib.phantom.kermany import write_kermany
from cxrlib.phantom.lesions import FINDINGS
from cxrlib.phantom.radiograph import Radiograph, draw_radiograph
from cxrlib.phantom.vindr_pcxr import write_vindr_pcxr

__all__ = [
    "FINDINGS",
    "Anatomy",
    "Radiograph",
    "View",
    "draw_anatomy",
    "draw_findings",
    "draw_radiograph",
    "draw_view",
    "write_kermany",
    "write_vindr_pcxr",
]
