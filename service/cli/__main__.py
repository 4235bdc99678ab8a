"""Run the command line with ``python -m service.cli``, where no script is installed."""

from service.cli.main import main

if __name__ == "__main__":
    main()
