'use strict';

// The same registrations as those of `fanfare bench`.
exports.madeUpToken = (number) => {
  const digits = String(number);
  return `${digits.padStart(22, '0')}:APA91b${digits.padStart(134, '0')}`;
};
