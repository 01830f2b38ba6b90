"""Synthetic chest radiographs of small children, drawn from a physical model, in the layouts of the real data sets.

`phantom.radiograph` draws one image with its lung mask and lesion boxes; `phantom.kermany` and `phantom.vindr_pcxr`
write whole cohorts in the layouts of the two public data sets, so the same code reads both. The images make the book
run without data; they cannot replace data in any claim about patients.
"""
