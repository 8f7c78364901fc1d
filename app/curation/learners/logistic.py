"""Logistic regression on standardised features."""

from typing import ClassVar

from pydantic import Field

from app.curation.learners.base import Learner, Task, standardised
from app.curation.learners.linear import Linear


class Logistic(Learner):
    """The probability of a good label from a weighted sum; quick, and well calibrated."""

    key: ClassVar = "logistic"
    title: ClassVar = "Logistic regression"
    numbers: ClassVar = False
    strength: float = Field(0.01, gt=0, description="How freely weights may grow.")

    def fit(self, task: Task, seed: int = 0) -> Linear:
        """Fit weights to two classes that count the same."""
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import

        mean, spread = standardised(task.features)
        model = LogisticRegression(
            C=self.strength, class_weight="balanced", max_iter=500, random_state=seed
        )
        model.fit((task.features - mean) / spread, task.labels > 0)
        weights = model.coef_[0] / spread
        offset = float(model.intercept_[0]) - float(mean @ weights)
        return Linear(weights, offset, logistic=True)
