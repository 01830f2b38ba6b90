"""Noise- and blur-induced pretext learning for paediatric chest radiographs, after Rajaraman et al. 2024.

Each module holds one idea: see the book's chapters for the story. Nothing is imported here, so that
`import cxrlib` stays cheap; modules that need Keras import it themselves.
"""
