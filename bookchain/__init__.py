"""What lies between the package `cxrlib` and the chapters: run folders, fingerprints, the assembled site."""
