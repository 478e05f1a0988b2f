"""A view of the index that scores words as the original service did."""
