'use strict';

// Preloaded into Node (--require): connections to FCM go to one port of this machine and those to
// Google's other hosts, the token endpoint among them, to another. They keep their names, so that
// the certificate is checked. The emulator's redirect.js does the same for a single port.
const tls = require('tls');

const fcm = {host: '127.0.0.1', port: Number(process.env.BENCH_FCM_PORT)};
const oauth = {host: '127.0.0.1', port: Number(process.env.BENCH_OAUTH_PORT)};
const connect = tls.connect;

function redirect(options) {
  const host = options.servername || options.host || '';
  if (!host.endsWith('.googleapis.com')) return options;
  return {...options, ...(host === 'fcm.googleapis.com' ? fcm : oauth), servername: host};
}

// https calls connect(options), http2 connect(port, host, options).
tls.connect = function (...args) {
  const at = args.findIndex((argument) => argument !== null && typeof argument === 'object');
  if (at < 0) return connect.apply(tls, args);
  const options = {...args[at]};
  if (typeof args[0] !== 'object') options.port = Number(args[0]);
  if (typeof args[1] === 'string') options.host = args[1];
  return connect.call(tls, redirect(options), ...args.slice(at + 1));
};
require('module').syncBuiltinESMExports();
