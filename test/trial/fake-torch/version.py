__version__ = '2.11.0+rocm7.14.0'
hip = '7.14.60850'
cuda = None
