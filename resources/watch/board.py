"""What the process `watch` knows: written by its looks, read by its server."""

from resources.watch.consumer import Consumer
from resources.watch.exposition import Metrics
from resources.watch.picture import Picture
from resources.watch.pushes import Pushes


class Board:
    """The newest picture, and what was made of it.

    Args:
        alerts: Makes alerts of pictures.
    """

    def __init__(self, alerts: Consumer) -> None:
        self.alerts = alerts
        self.pushes = Pushes()
        self.metrics = Metrics(alerts.open, self.pushes)
        self.picture: Picture | None = None

    def put(self, picture: Picture, seconds: float) -> None:
        """Take a picture in.

        Args:
            picture: The newest.
            seconds: That the look took.
        """
        self.picture = picture
        self.metrics.take(picture, seconds)
        self.alerts.look(picture)

    def failed(self) -> None:
        """A look, or what was to be made of it, failed."""
        self.metrics.count_failure()
