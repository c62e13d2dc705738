// A shop that tells its customers where their orders are. Where FCM is and how to get an access
// token comes from outside, so that a test can say.
export class Shop {
  #fcm;
  #project;
  #accessToken;

  constructor({project, accessToken, fcm = 'https://fcm.googleapis.com'}) {
    this.#fcm = fcm;
    this.#project = project;
    this.#accessToken = accessToken;
  }

  // Whether the device can still be reached; when not, its registration may be deleted.
  async orderShipped(registration, order) {
    const answer = await fetch(`${this.#fcm}/v1/projects/${this.#project}/messages:send`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${await this.#accessToken()}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({
        message: {
          token: registration,
          notification: {title: 'Your order is on its way', body: `Order ${order}`},
          data: {order},
        },
      }),
    });
    if (answer.ok) return true;
    const text = await answer.text();
    // FCM has to say so itself: a 404 without its code is a wrong project or a wrong URL.
    if (answer.status === 404 && text.includes('"UNREGISTERED"')) return false;
    throw new Error(`FCM answered ${answer.status}: ${text}`);
  }
}
