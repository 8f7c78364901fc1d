"""A random forest on embeddings, as phi-1 filtered code."""

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from app.curation.learners.base import Learner, Task
from app.curation.learners.trees import Tree, Trees


class Forest(Learner):
    """Hundreds of decision trees, each grown on other rows; their vote is the score.

    phi-1 (arXiv 2306.11644) labelled a part of its pool with a language model and let a random
    forest on embeddings score the rest.
    """

    key: ClassVar = "forest"
    title: ClassVar = "Random forest"
    trees: int = Field(300, ge=10, le=1000, description="How many trees vote.")
    leaf: int = Field(2, ge=1, le=100, description="Fewest rows in a leaf.")

    def fit(self, task: Task, seed: int = 0) -> Trees:
        """Grow the trees; rare classes count as much as frequent ones."""
        model = self._model(task, seed).fit(task.features, task.labels)
        share = 1 / self.trees
        grown = [_tree(one.tree_, share, classes=task.classes) for one in model.estimators_]
        return Trees.grown(grown, base=0.0, logistic=False)

    def lighter(self) -> Self:
        """A third of the trees: as good to a hundredth, and 2,000 labels take 15 s, not 40."""
        return self.model_copy(update={"trees": max(self.trees // 3, 10)})

    def _model(self, task: Task, seed: int) -> Any:
        from sklearn.ensemble import (  # noqa: PLC0415 - slow to import
            RandomForestClassifier,
            RandomForestRegressor,
        )

        common = {
            "n_estimators": self.trees,
            "min_samples_leaf": self.leaf,
            "max_features": "sqrt",
            "n_jobs": -1,
            "random_state": seed,
        }
        if task.classes:
            return RandomForestClassifier(class_weight="balanced", **common)
        return RandomForestRegressor(**common)


def _tree(grown: Any, share: float, *, classes: bool) -> Tree:
    """One tree of scikit-learn: its leaves hold the share of class 1, or the mean label."""
    values = grown.value[:, 0, :]
    leaves = values[:, -1] / values.sum(1) if classes else values[:, 0]
    is_leaf = grown.children_left < 0
    features = np.where(is_leaf, -1, grown.feature)
    return Tree(
        features, grown.threshold, grown.children_left, grown.children_right, leaves * share
    )
