select {{ x }}
