"""People read pairs: samples to read, labels as files, and how far checks agree with people."""
