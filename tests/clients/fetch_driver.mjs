// Every way by which Node reaches a host over TLS; prints what answered each.
import http2 from 'node:http2';
import https from 'node:https';
import {connect} from 'node:tls';

const url = 'https://fcm.googleapis.com/v1/projects/p/messages:send';

function overHttp1() {
  return new Promise((resolve, reject) => {
    https.get(url, (answer) => resolve(answer.resume().statusCode)).on('error', reject);
  });
}

function overHttp2() {
  return new Promise((resolve, reject) => {
    const session = http2.connect('https://fcm.googleapis.com');
    session.on('error', reject);
    const request = session.request({':path': '/v1/projects/p/messages:send'});
    request.on('response', (headers) => {
      resolve(headers[':status']);
      session.destroy();
    });
  });
}

function overTls() {
  return new Promise((resolve, reject) => {
    const socket = connect(443, 'accounts.google.com', {servername: 'accounts.google.com'}, () => {
      resolve(socket.authorized);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

console.log(JSON.stringify({
  fetch: (await fetch(url)).status,
  https: await overHttp1(),
  http2: await overHttp2(),
  tls: await overTls(),
}));
