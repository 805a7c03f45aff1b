"""Pictures: the world `scenes`, which this code draws itself, and the latent diffusion model that learns it."""
