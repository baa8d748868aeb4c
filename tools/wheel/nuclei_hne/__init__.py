"""The executables nuclei-mask and nuclei-train, which find cell nuclei in H&E-stained whole-slide images."""
