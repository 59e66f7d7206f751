"""The personality enhancer: the persona's own signs, phrases and pictures put into examples that lack them."""
