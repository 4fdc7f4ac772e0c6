import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "live"))  # its helpers serve these tests too
