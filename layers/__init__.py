"""The layers of each kind of network, and the fast LSTM for training and for prediction."""
