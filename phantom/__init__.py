"""Synthetic chest radiographs of small children, drawn from a physical model, and written as the real data sets come.

`phantom.radiograph` draws one image with its lung mask and lesion boxes; `phantom.kermany` and `phantom.vindr_pcxr`
write whole cohorts in the layouts of the two public data sets, so that their readers read them. The images stand in for
data where none is at hand; they are no substitute for it in any claim about patients.
"""
