<?php
// The router script of PHP's built-in server: how PHP itself reads the request.

$headers = array_filter($_SERVER, fn ($name) => str_starts_with($name, 'HTTP_'), ARRAY_FILTER_USE_KEY);
header('Content-Type: application/json');
echo json_encode([
    'method' => $_SERVER['REQUEST_METHOD'],
    'path' => rawurldecode(explode('?', $_SERVER['REQUEST_URI'], 2)[0]),
    'query' => array_intersect_key($_GET, ['org' => 0, 'org_id' => 0]) ?: (object) [],
    'variables' => $headers ?: (object) [],
], JSON_INVALID_UTF8_SUBSTITUTE);
