"""Faces: a cartoon world that this code draws itself, and the VAE and the GAN whose latent spaces one walks."""
