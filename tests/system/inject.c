/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mullion-inject: says one command to the test socket of the headless output (the commands:
 * display/test-socket.h) and prints the answer. `-` reads commands from standard input, one a line.
 * Exit status: 0 all answered "ok", 1 an "error" (printed to stderr), 2 usage or no display.
 */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <stdio.h>
#include <string.h>

#include "mullion/runtime.h"

static int say(GSocketConnection *connection, GDataInputStream *input, const char *command)
{
	GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(connection));
	char *line = g_strdup_printf("%s\n", command);
	char *answer = NULL;
	GError *error = NULL;
	int status = 2;

	if (g_output_stream_write_all(output, line, strlen(line), NULL, NULL, &error))
		answer = g_data_input_stream_read_line(input, NULL, NULL, &error);
	if (!answer) {
		fprintf(stderr, "mullion-inject: '%s' got no answer: %s\n", command,
			error ? error->message : "the display closed the connection");
	} else if (g_str_has_prefix(answer, "ok")) {
		if (answer[2])
			puts(answer + 3);
		status = 0;
	} else {
		fprintf(stderr, "mullion-inject: '%s': %s\n", command, answer);
		status = 1;
	}
	g_clear_error(&error);
	g_free(answer);
	g_free(line);
	return status;
}

static int say_all(GSocketConnection *connection, GDataInputStream *input)
{
	char *line = NULL;
	size_t size = 0;
	int status = 0;

	while (status == 0 && getline(&line, &size, stdin) > 0)
		status = say(connection, input, g_strchomp(line));
	free(line);
	return status;
}

int main(int argc, char **argv)
{
	char *path = mullion_runtime_path(MULLION_TEST_SOCKET);
	GSocketClient *client = g_socket_client_new();
	GSocketAddress *address = g_unix_socket_address_new(path);
	GSocketConnection *connection;
	GDataInputStream *input;
	GError *error = NULL;
	char *command;
	int status;

	if (argc < 2) {
		fprintf(stderr, "usage: mullion-inject COMMAND [ARGUMENT...] | mullion-inject -\n");
		return 2;
	}
	connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, &error);
	if (!connection) {
		fprintf(stderr, "mullion-inject: no headless display at %s: %s\n", path,
			error->message);
		return 2;
	}
	input = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
	command = g_strjoinv(" ", argv + 1);
	status = strcmp(command, "-") == 0 ? say_all(connection, input)
					   : say(connection, input, command);
	g_free(command);
	g_object_unref(input);
	g_object_unref(connection);
	g_object_unref(address);
	g_object_unref(client);
	g_free(path);
	return status;
}
