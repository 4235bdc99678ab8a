from models.training.examples import Examples
from models.training.pictures import Crops
from models.training.recipe import Data
from models.training.sources import open_source


def test_the_recipe_says_what_a_folder_holds(sets, pictures, tmp_path):
    pairs = Data(kind="pairs", crop=(128, 128), batch=1, shares={"turbines": 1})
    assert isinstance(open_source(pairs, sets, tmp_path / "pairs"), Examples)
    assert isinstance(open_source(Data(batch=1), pictures, tmp_path / "pictures"), Crops)
