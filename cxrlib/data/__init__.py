"""From files on a disk to the arrays that all networks read: data sets, images, checks, splits, crops."""
