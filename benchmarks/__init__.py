"""What the library costs, as ratios to the plain tools that it is made of and to zeep."""
