"""A shop that tells its customers where their orders are: code as it runs in production, which
knows nothing of an emulator."""

import google.auth
from google.auth.transport.requests import AuthorizedSession

SCOPES = ["https://www.googleapis.com/auth/firebase.messaging"]


class Shop:
    def __init__(self):
        credentials, project = google.auth.default(scopes=SCOPES)
        self._session = AuthorizedSession(credentials)
        self._url = f"https://fcm.googleapis.com/v1/projects/{project}/messages:send"

    def order_shipped(self, registration, order):
        """Whether the customer's device can still be reached; its registration may be deleted when
        not. Raises when nobody can be reached at the moment."""
        message = {
            "token": registration,
            "notification": {"title": "Your order is on its way", "body": f"Order {order}"},
            "data": {"order": order},
        }
        answer = self._session.post(self._url, json={"message": message})
        if is_dead(answer):
            return False
        answer.raise_for_status()
        return True


def is_dead(answer):
    """FCM has to say so itself: a 404 without its code is a wrong project or a wrong URL."""
    if answer.status_code != 404 or "json" not in answer.headers["Content-Type"]:
        return False
    details = answer.json()["error"].get("details", [])
    return any(detail.get("errorCode") == "UNREGISTERED" for detail in details)
