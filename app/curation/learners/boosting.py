"""Gradient boosting over histograms of features."""

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from app.curation.learners.base import Learner, Task
from app.curation.learners.trees import Tree, Trees


class Boosting(Learner):
    """Small trees, each correcting those before it; strong when signals matter more than words."""

    key: ClassVar = "boosting"
    title: ClassVar = "Gradient boosting"
    rounds: int = Field(100, ge=10, le=1000, description="How many trees are added.")
    rate: float = Field(0.1, gt=0, le=1, description="How much each tree may change.")

    def fit(self, task: Task, seed: int = 0) -> Trees:
        """Add the trees one by one."""
        from threadpoolctl import threadpool_limits  # noqa: PLC0415 - comes with scikit-learn

        # Its threads wait for each other without sleep: beside other work that takes minutes.
        with threadpool_limits(1):
            model = self._model(task, seed).fit(task.features, task.labels)
        grown = [_tree(one[0].nodes) for one in model._predictors]  # noqa: SLF001 - sklearn hides it
        base = float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001
        return Trees.grown(grown, base=base, logistic=task.classes)

    def _model(self, task: Task, seed: int) -> Any:
        from sklearn.ensemble import (  # noqa: PLC0415 - slow to import
            HistGradientBoostingClassifier,
            HistGradientBoostingRegressor,
        )

        common = {
            "max_iter": self.rounds,
            "learning_rate": self.rate,
            "max_leaf_nodes": 8,
            "min_samples_leaf": 5,
            "max_features": 0.3,  # better than a tenth or all in four of five label sets
            "early_stopping": False,
            "random_state": seed,
        }
        if task.classes:
            return HistGradientBoostingClassifier(class_weight="balanced", **common)
        return HistGradientBoostingRegressor(**common)


def _tree(nodes: Any) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    features = np.where(is_leaf, -1, nodes["feature_idx"].astype(np.int64))
    return Tree(features, nodes["num_threshold"], nodes["left"], nodes["right"], nodes["value"])
