"""Evidence: the codec on real files beside its peers, and what exactness costs."""
