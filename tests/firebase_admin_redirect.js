// Preloaded into node (--require): connections to Google's hosts go to the emulator instead, whose
// port is in FCM_REDIRECT_PORT. firebase-admin knows its hosts as constants; so it stays as it is
// published, and still asks for fcm.googleapis.com by name, over TLS, with that certificate.
'use strict';

const tls = require('tls');

const port = Number(process.env.FCM_REDIRECT_PORT);
const connect = tls.connect;

function redirect(options) {
  const host = options.servername || options.host || '';
  if (!host.endsWith('.googleapis.com')) return options;
  return {...options, host: '127.0.0.1', port, servername: host};
}

// https calls connect(options), http2 connect(port, host, options).
tls.connect = function (...args) {
  const place = args.findIndex((argument) => argument !== null && typeof argument === 'object');
  const options = {...args[place]};
  if (typeof args[0] !== 'object') options.port = Number(args[0]);
  if (typeof args[1] === 'string') options.host = args[1];
  return connect.call(tls, redirect(options), ...args.slice(place + 1));
};
