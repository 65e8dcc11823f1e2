"""What the agent needs from the outside, as protocols. Adapters implement them; the agent knows nothing else."""
