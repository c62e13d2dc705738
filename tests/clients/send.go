// Google's oauth2 library for Go, which firebase.google.com/go sends with: an access token for the
// service account, then one message to each registration given. Prints protocol and status.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"golang.org/x/oauth2/google"
)

func main() {
	client, err := google.DefaultClient(context.Background(),
		"https://www.googleapis.com/auth/cloud-platform")
	if err != nil {
		log.Fatal(err)
	}
	url := "https://fcm.googleapis.com/v1/projects/" + os.Getenv("GOOGLE_CLOUD_PROJECT") +
		"/messages:send"
	for _, registration := range os.Args[1:] {
		body := strings.NewReader(`{"message":{"token":"` + registration + `"}}`)
		answer, err := client.Post(url, "application/json", body)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println(answer.Proto, answer.StatusCode)
	}
}
