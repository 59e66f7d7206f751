"""Train: a LoRA fine-tuning run that can be trusted with a night."""
