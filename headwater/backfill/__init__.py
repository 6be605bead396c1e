"""Computing history again beside a running stream: what is asked for, the stages that it takes, carrying them out."""
