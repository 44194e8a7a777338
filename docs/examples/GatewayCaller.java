import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;

/**
 * Sends a lead through the gateway, with nothing but the JDK (17 or later), which has had no JAX-WS since Java 11.
 *
 * <pre>java GatewayCaller.java t@t.com George</pre>
 *
 * <p>MARKETO_SOAP_ENDPOINT is the address of the gateway, MARKETO_SOAP_USER_ID and MARKETO_SOAP_ENCRYPTION_KEY are those of
 * this caller in gateway.toml. A JAX-WS client that was written for Marketo needs a new endpoint and no other change.
 */
public class GatewayCaller {
    static final String ENVELOPE = """
            <?xml version="1.0" encoding="UTF-8"?>
            <SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
                xmlns:ns1="http://www.marketo.com/mktows/">
              <SOAP-ENV:Header>
                <ns1:AuthenticationHeader>
                  <mktowsUserId>%s</mktowsUserId>
                  <requestSignature>%s</requestSignature>
                  <requestTimestamp>%s</requestTimestamp>
                </ns1:AuthenticationHeader>
              </SOAP-ENV:Header>
              <SOAP-ENV:Body>
                <ns1:paramsSyncLead>
                  <leadRecord>
                    <Email>%s</Email>
                    <leadAttributeList>
                      <attribute><attrName>FirstName</attrName><attrValue>%s</attrValue></attribute>
                    </leadAttributeList>
                  </leadRecord>
                  <returnLead>false</returnLead>
                </ns1:paramsSyncLead>
              </SOAP-ENV:Body>
            </SOAP-ENV:Envelope>
            """;

    public static void main(String[] arguments) throws Exception {
        String user = System.getenv("MARKETO_SOAP_USER_ID");
        String timestamp = OffsetDateTime.now().withNano(0).format(DateTimeFormatter.ISO_OFFSET_DATE_TIME);
        String signature = sign(timestamp + user, System.getenv("MARKETO_SOAP_ENCRYPTION_KEY"));
        String envelope =
                ENVELOPE.formatted(escape(user), signature, timestamp, escape(arguments[0]), escape(arguments[1]));

        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("MARKETO_SOAP_ENDPOINT")))
                .header("Content-Type", "text/xml; charset=UTF-8")
                .header("SOAPAction", "\"http://www.marketo.com/mktows/syncLead\"")
                .POST(HttpRequest.BodyPublishers.ofString(envelope))
                .build();
        HttpResponse<byte[]> response =
                HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofByteArray());

        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document reply = factory.newDocumentBuilder().parse(new ByteArrayInputStream(response.body()));
        if (response.statusCode() != 200) {
            System.err.printf("refused (%s): %s%n", text(reply, "code"), text(reply, "faultstring"));
            System.exit(1);
        }
        System.out.printf("%s lead %s%n", text(reply, "status"), text(reply, "leadId"));
    }

    /** The HMAC-SHA1 of a text, in lower-case hex digits. The key is used as the text that it is. */
    static String sign(String text, String key) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA1");
        mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA1"));
        return HexFormat.of().formatHex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    static String text(Document document, String name) {
        return document.getElementsByTagName(name).item(0).getTextContent();
    }
}
