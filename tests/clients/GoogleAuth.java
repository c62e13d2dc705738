// Google's auth and HTTP libraries for Java, which firebase-admin for Java gets its access tokens
// with: application default credentials, then a message to each registration given. Prints the
// status of each answer.
import com.google.api.client.http.ByteArrayContent;
import com.google.api.client.http.GenericUrl;
import com.google.api.client.http.HttpRequest;
import com.google.api.client.http.HttpRequestFactory;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.auth.http.HttpCredentialsAdapter;
import com.google.auth.oauth2.GoogleCredentials;
import java.util.List;

class GoogleAuth {
  public static void main(String[] registrations) throws Exception {
    GoogleCredentials credentials = GoogleCredentials.getApplicationDefault()
        .createScoped(List.of("https://www.googleapis.com/auth/firebase.messaging"));
    HttpRequestFactory requests =
        new NetHttpTransport().createRequestFactory(new HttpCredentialsAdapter(credentials));
    GenericUrl send = new GenericUrl("https://fcm.googleapis.com/v1/projects/"
        + System.getenv("GOOGLE_CLOUD_PROJECT") + "/messages:send");
    for (String registration : registrations) {
      HttpRequest request = requests.buildPostRequest(send, ByteArrayContent.fromString(
          "application/json", "{\"message\":{\"token\":\"" + registration + "\"}}"));
      request.setThrowExceptionOnExecuteError(false);
      System.out.println(request.execute().getStatusCode());
    }
  }
}
