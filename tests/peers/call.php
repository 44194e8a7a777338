<?php
// Makes calls with PHP's SoapClient as the vendor's sample does, once for each call in the JSON on stdin.
// Argument: the endpoint. An object with "xsi:type" is one of several types, as selectors are.

$endpoint = $argv[1];
$namespace = "http://www.marketo.com/mktows/";
$options = [
    "connection_timeout" => 20,
    "location" => $endpoint,
    "cache_wsdl" => WSDL_CACHE_NONE,
    "features" => SOAP_SINGLE_ELEMENT_ARRAYS,
];
$client = new SoapClient("$endpoint?WSDL", $options);

function headers(object $call, string $namespace): array
{
    $now = new DateTime("now", new DateTimeZone("America/Los_Angeles"));
    $timestamp = $call->timestamp ?? $now->format(DATE_W3C);
    $authentication = new stdClass();
    $authentication->mktowsUserId = $call->userId;
    $authentication->requestSignature = hash_hmac("sha1", $timestamp . $call->userId, $call->encryptionKey);
    $authentication->requestTimestamp = $timestamp;
    $headers = [new SoapHeader($namespace, "AuthenticationHeader", $authentication)];
    if (isset($call->workspace)) {
        $context = new stdClass();
        $context->targetWorkspace = $call->workspace;
        $headers[] = new SoapHeader($namespace, "MktowsContextHeader", $context);
    }
    return $headers;
}

function typed(mixed $value, string $namespace): mixed
{
    if (!is_object($value)) {
        return $value;
    }
    $type = $value->{"xsi:type"} ?? null;
    unset($value->{"xsi:type"});
    foreach (get_object_vars($value) as $name => $inner) {
        $value->$name = typed($inner, $namespace);
    }
    return $type === null ? $value : new SoapVar($value, SOAP_ENC_OBJECT, $type, $namespace);
}

$outcomes = [];
foreach (json_decode(stream_get_contents(STDIN)) as $call) {
    try {
        $params = ["params" => typed($call->params, $namespace)];
        $answer = $client->__soapCall($call->operation, $params, $options, headers($call, $namespace));
        $outcomes[] = current(get_object_vars($answer));
    } catch (SoapFault $fault) {
        $outcomes[] = [
            "faultcode" => $fault->faultcode,
            "faultstring" => $fault->faultstring,
            "exception" => $fault->detail->serviceException ?? null,
        ];
    }
}
echo json_encode($outcomes, JSON_THROW_ON_ERROR);
