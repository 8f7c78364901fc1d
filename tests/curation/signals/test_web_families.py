"""Documents whose values can be worked out by hand."""

import math

import pytest

from tests.curation.signals.measuring import measure


def test_gopher_counts_words_that_are_not_marks() -> None:
    found = measure("gopher_quality", "The cat, and 3 dogs...")

    # The | cat | , | and | 3 | dogs | ...: seven tokens, of which five words of 3+3+3+1+4.
    assert found["gopher_words"] == 5
    assert found["gopher_mean_word_length"] == pytest.approx(14 / 5)
    assert found["gopher_symbol_word_ratio"] == pytest.approx(1 / 7)
    assert found["gopher_alpha_word_frac"] == pytest.approx(4 / 7)
    assert found["gopher_stop_words"] == 1


def test_gopher_takes_the_larger_of_hash_signs_and_ellipses() -> None:
    assert measure("gopher_quality", "# a")["gopher_symbol_word_ratio"] == pytest.approx(1 / 2)
    assert measure("gopher_quality", "a…… b")["gopher_symbol_word_ratio"] == pytest.approx(2 / 4)
    assert measure("gopher_quality", "a ...... b")["gopher_symbol_word_ratio"] == pytest.approx(
        2 / 3
    )


def test_gopher_looks_at_how_lines_begin_and_end() -> None:
    found = measure("gopher_quality", "- one\n  • two\nthree...\nfour… \n\n")

    assert found["gopher_bullet_line_frac"] == pytest.approx(2 / 5)
    assert found["gopher_ellipsis_line_frac"] == pytest.approx(2 / 5)


def test_gopher_stop_words_are_counted_once_and_in_lower_case() -> None:
    found = measure("gopher_quality", "the the The to OF with")

    assert found["gopher_stop_words"] == 3


def test_gopher_cannot_divide_by_no_words() -> None:
    found = measure("gopher_quality", "")

    assert found["gopher_words"] == 0
    assert math.isnan(found["gopher_mean_word_length"])
    assert math.isnan(found["gopher_symbol_word_ratio"])


def test_repeated_lines_and_paragraphs() -> None:
    found = measure("gopher_repetition", "ab\n\nab\n\ncd\nab")

    # Lines ab ab cd ab, paragraphs ab, ab, "cd\nab"; 13 characters in all.
    assert found["gopher_dup_line_frac"] == pytest.approx(2 / 4)
    assert found["gopher_dup_line_char_frac"] == pytest.approx(4 / 13)
    assert found["gopher_dup_para_frac"] == pytest.approx(1 / 3)
    assert found["gopher_dup_para_char_frac"] == pytest.approx(2 / 13)


def test_the_most_frequent_ngram_counts_all_its_places() -> None:
    found = measure("gopher_repetition", "a b c a b d")

    # "a b" twice: 2 x 3 of 11 characters; of the longer ones each occurs once, so the first.
    assert found["gopher_top_2gram_char_frac"] == pytest.approx(6 / 11)
    assert found["gopher_top_3gram_char_frac"] == pytest.approx(5 / 11)
    assert found["gopher_top_4gram_char_frac"] == pytest.approx(7 / 11)


def test_of_equally_frequent_ngrams_the_first_counts() -> None:
    assert measure("gopher_repetition", "long words b a")["gopher_top_2gram_char_frac"] == (
        pytest.approx(10 / 14)
    )


def test_repeated_ngrams_are_jumped_over() -> None:
    found = measure("gopher_repetition", "a b c d e " * 3)

    # The second and the third round repeat the first: 10 letters of 30 characters.
    assert found["gopher_dup_5gram_char_frac"] == pytest.approx(10 / 30)
    # a..f-long runs: the one that starts in round two at a repeats, then five tokens are left.
    assert found["gopher_dup_6gram_char_frac"] == pytest.approx(6 / 30)
    assert found["gopher_dup_10gram_char_frac"] == pytest.approx(10 / 30)


def test_an_empty_text_repeats_nothing() -> None:
    assert all(math.isnan(value) for value in measure("gopher_repetition", "").values())


def test_fineweb_looks_at_lines_that_are_not_blank() -> None:
    long = "x" * 31
    found = measure("fineweb", f"Yes.\n\n{long}\nNo. \nYes.")

    # Lines: "Yes.", 31 x, "No. ", "Yes."; the space after No. hides its full stop.
    assert found["fineweb_line_punct_ratio"] == pytest.approx(2 / 4)
    assert found["fineweb_short_line_ratio"] == pytest.approx(3 / 4)
    assert found["fineweb_dup_line_char_ratio"] == pytest.approx(4 / 43)
    assert found["fineweb_newline_word_ratio"] == pytest.approx(4 / 7)


def test_c4_keeps_closed_lines_of_three_words() -> None:
    found = measure(
        "c4",
        "This line stays. It has two sentences!\n"
        "Too short.\n"
        "This one trails off...\n"
        "No end mark here\n"
        "This site uses Cookies, so it uses cookies.\n"
        "Please enable JavaScript to go on.\n"
        "A cited fact stands.[12][citation needed]\n"
        f"A {'x' * 1001} word goes.\n",
    )

    assert found["c4_kept_line_frac"] == pytest.approx(2 / 8)
    assert found["c4_sentences"] == 3
    assert found["c4_curly_bracket_lines"] == 0
    assert found["c4_lorem_ipsum_lines"] == 0


def test_c4_finds_code_and_filler_text() -> None:
    found = measure("c4", "A line with { in it.\nLorem ipsum dolor sit amet.\nAn [odd] mark].")

    assert found["c4_curly_bracket_lines"] == 1
    assert found["c4_lorem_ipsum_lines"] == 1


def test_c4_counts_long_paragraphs() -> None:
    assert measure("c4", "\n".join(["x" * 200] * 3 + ["x" * 199]))["c4_long_paragraphs"] == 3


def test_refinedweb_sorts_lines() -> None:
    found = measure(
        "refinedweb",
        "Home\nSIGN UP NOW\n12345\n1,204 Views\nread more…\nThis line has six plain words.\n\n"
        "You can read more about it in any of the ten books that he wrote later on",
    )

    # Words: 1, 3, 1, 2, 2, 6, 17; the last two lines stay.
    assert found["refinedweb_removed_word_frac"] == pytest.approx(9 / 32)
    assert found["refinedweb_single_word_line_frac"] == pytest.approx(1 / 7)
    assert found["refinedweb_uppercase_line_frac"] == pytest.approx(1 / 7)
    assert found["refinedweb_numeric_line_frac"] == pytest.approx(1 / 7)
    assert found["refinedweb_counter_line_frac"] == pytest.approx(1 / 7)
    assert found["refinedweb_action_line_frac"] == pytest.approx(1 / 7)


def test_a_call_to_act_may_be_long_prose() -> None:
    line = "Sign in with the name that you chose when you first opened the account"

    assert measure("refinedweb", line)["refinedweb_removed_word_frac"] == 0
    assert measure("refinedweb", "Sign in here")["refinedweb_removed_word_frac"] == 1


def test_nemo_shares_of_characters() -> None:
    found = measure("nemo_english", "ab 12 (c) é.")

    # Twelve characters; neither a letter of English, a digit nor . , ! ?: three spaces, ( ) é.
    assert found["nemo_non_alnum_frac"] == pytest.approx(6 / 12)
    assert found["nemo_digit_frac"] == pytest.approx(2 / 12)
    assert found["nemo_white_space_frac"] == pytest.approx(3 / 12)
    assert found["nemo_parenthesis_frac"] == pytest.approx(2 / 12)
    assert found["nemo_words"] == 4
    assert found["nemo_alpha_word_frac"] == pytest.approx(3 / 4)


def test_nemo_words_of_symbols() -> None:
    found = measure("nemo_english", "# ... […] ## a# word")

    # A hash sign alone and both ellipses; "##" is one match of two characters, not over half.
    assert found["nemo_symbol_word_ratio"] == pytest.approx(3 / 6)


def test_nemo_web_addresses() -> None:
    assert measure("nemo_english", "see http://a.bc/d")["nemo_url_char_frac"] == pytest.approx(
        13 / 17
    )


def test_nemo_lines_and_paragraphs() -> None:
    found = measure("nemo_english", "One.\nTwo\n\nOne.\nTwo\n\n One.")

    assert found["nemo_no_end_mark_frac"] == pytest.approx(2 / 5)
    assert found["nemo_unique_line_frac"] == pytest.approx(2 / 5)
    assert found["nemo_unique_line_char_frac"] == pytest.approx(7 / 18)
    assert found["nemo_unique_para_frac"] == pytest.approx(2 / 3)
    assert found["nemo_unique_para_char_frac"] == pytest.approx(12 / 20)


def test_nemo_boilerplate() -> None:
    page = "Our privacy policy.\n\nText.\n\nWe use cookies."

    assert measure("nemo_english", page)["nemo_boilerplate_frac"] == pytest.approx(2 / 3)
    assert measure("nemo_english", "Lorem ipsum.\n\nText.")["nemo_boilerplate_frac"] == 1
    assert measure("nemo_english", "Plain text.")["nemo_boilerplate_frac"] == 0
