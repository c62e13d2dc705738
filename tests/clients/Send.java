// Gets an access token as Google's libraries for Java do, by HttpsURLConnection, and sends each
// registration given as an argument a message by java.net.http, over HTTP/2. Prints a line for
// each answer: version, status. No setting in here says where Google is.
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.HttpsURLConnection;

class Send {
  static String member(String json, String name) {
    String text = "\"((?:[^\"\\\\]++|\\\\.)*+)\"";
    Matcher found = Pattern.compile("\"" + name + "\":\\s*" + text).matcher(json);
    if (!found.find()) throw new IllegalArgumentException("no " + name + " in " + json);
    return found.group(1).replace("\\n", "\n").replace("\\/", "/");
  }

  static String encode(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  static String assertion(String account) throws Exception {
    String pem = member(account, "private_key").replaceAll("-----[A-Z ]+-----|\\s", "");
    Signature signature = Signature.getInstance("SHA256withRSA");
    signature.initSign(KeyFactory.getInstance("RSA")
        .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem))));
    long now = System.currentTimeMillis() / 1000;
    String claims = "{\"iss\":\"" + member(account, "client_email") + "\",\"iat\":" + now
        + ",\"exp\":" + (now + 3600) + ",\"aud\":\"https://oauth2.googleapis.com/token\""
        + ",\"scope\":\"https://www.googleapis.com/auth/firebase.messaging\"}";
    String header = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    String text = encode(header.getBytes(StandardCharsets.UTF_8)) + "."
        + encode(claims.getBytes(StandardCharsets.UTF_8));
    signature.update(text.getBytes(StandardCharsets.UTF_8));
    return text + "." + encode(signature.sign());
  }

  static String accessToken(String account) throws Exception {
    URI endpoint = URI.create("https://oauth2.googleapis.com/token");
    HttpsURLConnection connection = (HttpsURLConnection) endpoint.toURL().openConnection();
    connection.setDoOutput(true);
    String form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
        + assertion(account);
    try (OutputStream body = connection.getOutputStream()) {
      body.write(form.getBytes(StandardCharsets.UTF_8));
    }
    try (InputStream answer = connection.getInputStream()) {
      return member(new String(answer.readAllBytes(), StandardCharsets.UTF_8), "access_token");
    }
  }

  public static void main(String[] registrations) throws Exception {
    Path file = Path.of(System.getenv("GOOGLE_APPLICATION_CREDENTIALS"));
    String token = accessToken(Files.readString(file));
    HttpClient client = HttpClient.newHttpClient();
    URI send = URI.create("https://fcm.googleapis.com/v1/projects/"
        + System.getenv("GOOGLE_CLOUD_PROJECT") + "/messages:send");
    for (String registration : registrations) {
      HttpResponse<String> answer = client.send(HttpRequest.newBuilder(send)
          .header("Authorization", "Bearer " + token)
          .header("Content-Type", "application/json")
          .POST(HttpRequest.BodyPublishers.ofString(
              "{\"message\":{\"token\":\"" + registration + "\"}}")).build(),
          HttpResponse.BodyHandlers.ofString());
      System.out.println(answer.version() + " " + answer.statusCode());
    }
  }
}
