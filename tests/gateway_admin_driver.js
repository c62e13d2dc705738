// firebase-admin, unmodified, through the gateway: its connections to fcm.googleapis.com go to the port
// in GATEWAY_PORT, and its access token is an API key of the gateway's. Prints what each call came to.
'use strict';

const tls = require('tls');
const connect = tls.connect;
tls.connect = (...args) => {
  const at = args.findIndex((each) => typeof each === 'object' && each !== null);
  const options = at < 0 ? {} : args[at];
  const name = options.servername || options.host;
  if (name !== 'fcm.googleapis.com') return connect.call(tls, ...args);
  const there = {...options, host: '127.0.0.1', port: process.env.GATEWAY_PORT, servername: name};
  return connect.call(tls, there, ...args.slice(at + 1));
};

const {initializeApp} = require('firebase-admin/app');
const {getMessaging} = require('firebase-admin/messaging');

const credential = {
  getAccessToken: async () => ({access_token: process.env.GATEWAY_KEY, expires_in: 3600}),
};
const messaging = getMessaging(initializeApp({credential, projectId: 'demo'}));

async function main() {
  const notification = {title: 'Shipped', body: 'It is on its way.'};
  const token = process.env.TOKEN;
  const results = {
    send: await messaging.send({notification, token}),
    each: await messaging.sendEachForMulticast(
      {notification, tokens: [token, process.env.DEAD, `${token}2`]}),
    topic: await messaging.send({notification, topic: 'news'}),
    dry: await messaging.send({notification, token}, true),
  };
  results.each.responses = results.each.responses.map(
    ({success, error}) => ({success, code: error && error.code}));
  console.log(JSON.stringify(results));
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
