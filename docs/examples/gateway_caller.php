<?php
// Sends a lead through the gateway, with PHP's SoapClient (Debian: php-cli, php-soap).
//
//     php gateway_caller.php t@t.com George
//
// A program that was written for Marketo differs in one place: the endpoint. MARKETO_SOAP_ENDPOINT is the address of the
// gateway, MARKETO_SOAP_USER_ID and MARKETO_SOAP_ENCRYPTION_KEY are those of this caller in gateway.toml.

[, $email, $firstName] = $argv;
$endpoint = getenv("MARKETO_SOAP_ENDPOINT");
$userId = getenv("MARKETO_SOAP_USER_ID");
$namespace = "http://www.marketo.com/mktows/";

$timestamp = date(DATE_W3C);
$header = new stdClass();
$header->mktowsUserId = $userId;
$header->requestSignature = hash_hmac("sha1", $timestamp . $userId, getenv("MARKETO_SOAP_ENCRYPTION_KEY"));
$header->requestTimestamp = $timestamp;

$client = new SoapClient("$endpoint?WSDL", ["location" => $endpoint, "features" => SOAP_SINGLE_ELEMENT_ARRAYS]);
$client->__setSoapHeaders(new SoapHeader($namespace, "AuthenticationHeader", $header));
try {
    $reply = $client->syncLead([
        "leadRecord" => [
            "Email" => $email,
            "leadAttributeList" => ["attribute" => [["attrName" => "FirstName", "attrValue" => $firstName]]],
        ],
        "returnLead" => false,
    ]);
} catch (SoapFault $fault) {
    $code = $fault->detail->serviceException->code ?? "no code";
    fwrite(STDERR, "refused ($code): $fault->faultstring\n");
    exit(1);
}
echo $reply->result->syncStatus->status, " lead ", $reply->result->leadId, "\n";
