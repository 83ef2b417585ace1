def score():
    print("no rows")
