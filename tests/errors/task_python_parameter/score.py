def score(model, api_key, limit=10):
    print(model, limit)
