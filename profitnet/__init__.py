"""PROFiT-Net: the property-networking orbital field matrix of a crystal -> 1-D CNN -> one property."""
