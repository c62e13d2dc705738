<?php
// Guzzle, which kreait/firebase-php sends with, and PHP's own streams; each asks FCM without an
// access token and prints the status. No setting in here says where Google is.
$url = 'https://fcm.googleapis.com/v1/projects/p/messages:send';

$curl = curl_init($url);
curl_setopt_array($curl, [CURLOPT_POSTFIELDS => '{}', CURLOPT_RETURNTRANSFER => true]);
if (curl_exec($curl) === false) {
    fwrite(STDERR, curl_error($curl));
    exit(1);
}
echo 'curl ', curl_getinfo($curl, CURLINFO_RESPONSE_CODE), "\n";

if (@include 'GuzzleHttp/autoload.php') {
    $client = new GuzzleHttp\Client(['http_errors' => false]);
    echo 'guzzle ', $client->post($url, ['body' => '{}'])->getStatusCode(), "\n";
}
