"""The registry of this service's jobs; what they do stands in `sending`."""

from chassis.jobs import Jobs

JOBS = Jobs("notifications")
DELIVER_MAIL = "deliver-mail"
