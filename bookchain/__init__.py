"""What lies between the package `cxrlib` and the chapters: run folders, fingerprints, the assembled site."""

from bookchain.chapter import Chapter, MissingArtefactError

__all__ = ["Chapter", "MissingArtefactError"]
