"""`python -m wsrl_assets.cli`, the same as `wsrl`."""

from wsrl_assets.cli import main

if __name__ == "__main__":
    main()
