"""XML: the parser, the codecs that read and write declared classes, the element walker."""
