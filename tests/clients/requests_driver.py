"""What PyFCM and firebase-admin for Python do over HTTP/1.1, with the libraries that they do it
with: google-auth for the access token, requests with a pool and urllib3's retries for the rest.

Reads a JSON list of [METHOD, URL, BODY] and prints one of {"status", "body"}; with a number in
place of the method so many threads POST it at once.
"""

import concurrent.futures
import json
import os
import sys

import google.auth.transport.requests
import requests
from google.oauth2 import service_account
from urllib3.util import Retry

SCOPES = ["https://www.googleapis.com/auth/firebase.messaging"]


def access_token():
    credentials = service_account.Credentials.from_service_account_file(
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"], scopes=SCOPES
    )
    credentials.refresh(google.auth.transport.requests.Request())
    return credentials.token


def main():
    session = requests.Session()
    retries = Retry(total=3, backoff_factor=0.1, status_forcelist=[502, 503])
    session.mount("https://", requests.adapters.HTTPAdapter(max_retries=retries, pool_maxsize=10))
    session.headers.update({
        "Authorization": f"Bearer {access_token()}",
        "Content-Type": "application/json; UTF-8",
        "access_token_auth": "true",
    })

    def call(method, url, body):
        data = None if body is None else json.dumps(body).encode()
        answer = session.request(method, url, data=data, timeout=60)
        return {"status": answer.status_code, "body": answer.json()}

    results = []
    for method, url, body in json.load(sys.stdin):
        if isinstance(method, int):
            with concurrent.futures.ThreadPoolExecutor(method) as pool:
                results.append(list(pool.map(lambda _: call("POST", url, body), range(method))))
        else:
            results.append(call(method, url, body))
    json.dump(results, sys.stdout)


main()
